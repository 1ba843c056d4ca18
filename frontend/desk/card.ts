/** What is known of a guest from the visits before this one, each line with the message it came from. */
import { ref, watch, type Ref } from "vue";

import { request } from "./api";

/** Where a line came from. */
export interface Source {
  at: string;
  conversation: string;
  seq: number;
}

export interface CardLine extends Source {
  kind: "alarm" | "rated" | "closed" | "order" | "promise" | "topics" | "preference" | (string & {});
  values: Record<string, unknown>;
}

export interface Complaint extends Source {
  reason: string;
  /** accusing, critical or constructive, where the assistant could tell. */
  kind: string | null;
  words: string | null;
  /** How the visit was closed. */
  outcome: string | null;
  note: string | null;
}

/** Somebody who may be the same guest; nothing proves it. */
export interface Lookalike {
  conversation: string;
  name: string | null;
  channel: string;
  why: ("name" | "room")[];
}

export interface Card {
  stay: { room: string; until: string | null; leaves_today?: boolean } | null;
  /** Birthdays and anniversaries, the next first. */
  dates?: CardLine[];
  alike: Lookalike[];
  preferences: CardLine[];
  complaints: Complaint[];
  visits: number;
  summary: CardLine[];
}

const part = encodeURIComponent;
const read = (hotel: string, id: string): Promise<Card> =>
  request("GET", `/hotels/${part(hotel)}/conversations/${part(id)}/card`);

/** The card of the conversation that `id` names, read again whenever `when` changes. */
export function useCard(hotel: string, id: Ref<string | null>, when: () => unknown): Ref<Card | null> {
  const card = ref<Card | null>(null);
  let whose: string | null = null;
  watch(
    [id, when],
    async ([wanted]) => {
      if (wanted !== whose) card.value = null;
      whose = wanted;
      if (!wanted) return;
      try {
        const found = await read(hotel, wanted);
        if (whose === wanted) card.value = found;
      } catch {
        // The thread says everything that the card does; it comes with the next change.
      }
    },
    { immediate: true },
  );
  return card;
}
