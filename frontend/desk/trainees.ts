/** What trainees would say, and what became of it. Pure, but for what asks the service. */
import { request } from "./api";
import type { Said } from "./api";
import type { Event } from "./model";

export type Outcome = "open" | "sent" | "edited" | "refused" | "dropped";

export interface Trial {
  event: Event;
  outcome: Outcome;
  /** Who decided, and what they said to it. */
  by: string | null;
  note: string | null;
}

/** Every reply that was drafted, by its seq. `open`: the drafts that can still be decided on. */
export function trials(events: Event[], open: number[]): Map<number, Trial> {
  const found = new Map<number, Trial>();
  for (const event of events) {
    if (event.conversation) continue;
    if (event.type === "reply_drafted") found.set(event.seq, { event, outcome: "dropped", by: null, note: null });
    const trial = found.get(Number(event.body.draft));
    if (!trial) continue;
    if (event.type === "staff_said") {
      trial.outcome = event.body.edited ? "edited" : "sent";
      trial.by = String(event.body.by_name ?? "");
    } else if (event.type === "reply_refused") {
      trial.outcome = "refused";
      trial.by = event.actor.name;
      trial.note = event.text;
    }
  }
  for (const seq of open) {
    const trial = found.get(seq);
    if (trial?.outcome === "dropped") trial.outcome = "open";
  }
  return found;
}

const part = encodeURIComponent;
const place = (hotel: string, id: string, seq: number): string =>
  `/hotels/${part(hotel)}/conversations/${part(id)}/drafts/${seq}`;

/** `text`: what goes out instead of what was drafted. */
export const approve = (hotel: string, id: string, seq: number, text: string | null): Promise<Said> =>
  request("POST", `${place(hotel, id, seq)}/approve`, { body: text === null ? {} : { text } });
export const refuse = (hotel: string, id: string, seq: number, note: string): Promise<Said> =>
  request("POST", `${place(hotel, id, seq)}/refuse`, { body: { note } });
