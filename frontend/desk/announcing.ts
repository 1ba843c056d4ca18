/** What whoever sits at this desk hears and is told, when something changes that needs them. Changes nothing. */
import { ref } from "vue";

import { now } from "./clock";
import type { Row, Staff } from "./model";
import type { GuestPromise } from "./promises";
import { play } from "./rings";
import { t } from "./texts";
import { say } from "./toasts";
import type { Mention } from "./together";
import { guestName } from "./words";

const READ_IN = 12_000;

interface Place {
  /** Whether this conversation is the one on the screen. */
  isOpen: (id: string) => boolean;
  /** Whether I took it back myself, which I needn't be told. */
  wokenByMe: (id: string) => boolean;
}

export function openAnnouncing(me: Staff, approves: boolean, desk: Place) {
  /** The last of it, for a screen reader. */
  const announced = ref("");

  function tell(words: string, shown = words): void {
    announced.value = words;
    say(shown, { shown: READ_IN });
  }

  function changed(row: Row, before: Row | undefined): void {
    if (row.state === "WAITING" && before?.state !== "WAITING") waiting(row, false);
    else if (approves && (row.drafts?.length ?? 0) > (before?.drafts?.length ?? 0)) draft(row);
    else if (handedToMe(row, before)) handed(row);
    else if (before?.snoozed?.by === me.id && !row.snoozed) back(row);
    else if (heardWord(row, before)) play("word");
    if (takenFromMe(row, before))
      say(t("toast.taken_over", { who: guestName(row.guest), name: row.holder?.name ?? "" }));
  }

  function takenFromMe(row: Row, before: Row | undefined): boolean {
    const given = row.handed_over?.by.id === me.id;
    return before?.holder?.id === me.id && row.state === "STAFF" && row.holder?.id !== me.id && !given;
  }

  function handedToMe(row: Row, before: Row | undefined): boolean {
    const mine = row.state === "STAFF" && row.holder?.id === me.id;
    return mine && Boolean(row.handed_over) && row.handed_over?.at !== before?.handed_over?.at;
  }

  function heardWord(row: Row, before: Row | undefined): boolean {
    const mine = row.state === "STAFF" && row.holder?.id === me.id;
    const spoke = row.last?.speaker === "guest" && row.last.at !== before?.last?.at;
    return mine && spoke && (!desk.isOpen(row.id) || document.visibilityState === "hidden");
  }

  function waiting(row: Row, quietly: boolean): void {
    play("waiting");
    if (!quietly) announced.value = t("aria.new_waiting", { who: guestName(row.guest) });
  }

  function draft(row: Row): void {
    play("order");
    announced.value = t("trial.rings", { who: guestName(row.guest) });
  }

  function handed(row: Row): void {
    const words = { name: row.handed_over?.by.name ?? "", who: guestName(row.guest) };
    play("waiting");
    const note = row.handed_over?.note;
    tell(t("toast.handed_to_me", words), note ? t("toast.handed_to_me_note", { ...words, note }) : undefined);
  }

  /** What I put aside: its time has come, or the guest has written. Taking it back myself says nothing. */
  function back(row: Row): void {
    if (row.state === "CLOSED" || row.state === "BOT" || desk.wokenByMe(row.id)) return;
    play("word");
    tell(t("toast.back", { who: guestName(row.guest) }));
  }

  function named(one: Mention): void {
    play("word");
    const who = one.guest ? guestName(one.guest) : "";
    tell(t("toast.named", { name: one.by.name, who, text: one.text ?? t("promise.erased") }));
  }

  function promise(one: GuestPromise): void {
    const late = Date.parse(one.due_at) <= now.value;
    play("waiting");
    tell(
      t(late ? "promise.rings_late" : "promise.rings", {
        words: one.words ?? t("promise.erased"),
        who: guestName(one.guest),
      }),
    );
  }

  return { announced, changed, waiting, named, promise };
}
