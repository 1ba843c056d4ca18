import { describe, expect, it } from "vitest";

import type { Message, ServerFrame, Speaker } from "./protocol";
import { choices, drop, EMPTY, markRead, queue, receive, retry, type Thread, toSend, unread } from "./thread";

const ASSISTANT: Speaker = { kind: "assistant", name: null };

function message(seq: number, more: Partial<Message> = {}): Message {
  const plain: Message = { seq, from: "assistant", name: null, text: `第${seq}句`, options: null, at: at(seq), client_id: null };
  return { ...plain, ...more };
}

function at(seconds: number): string {
  return new Date(Date.UTC(2026, 10, 22, 13, 30, seconds)).toISOString();
}

function welcome(seq: number, ...messages: Message[]): ServerFrame {
  return { type: "welcome", seq, speaker: ASSISTANT, messages };
}

function after(...frames: ServerFrame[]): Thread {
  return frames.reduce(receive, EMPTY);
}

const seqs = (thread: Thread): number[] => thread.messages.map(({ seq }) => seq);

describe("what arrives", () => {
  it("is kept once, in order, however often and in whatever order it comes", () => {
    const frames: ServerFrame[] = [5, 3, 5, 4, 3].map((seq) => ({ type: "message", message: message(seq) }));
    expect(seqs(after(welcome(2, message(1), message(2)), ...frames))).toEqual([1, 2, 3, 4, 5]);
  });

  it("moves the point of resuming to the highest seq, those of hidden events included", () => {
    expect(after(welcome(7, message(4))).seq).toBe(7);
    expect(after(welcome(7), { type: "message", message: message(9) }).seq).toBe(9);
    expect(after(welcome(7), { type: "seq", seq: 12 }, { type: "seq", seq: 11 }).seq).toBe(12);
  });

  it("after a gap is only what was missing, and nothing stands twice", () => {
    const before = after(welcome(2, message(1), message(2)));
    expect(seqs(receive(before, welcome(4, message(2), message(3), message(4))))).toEqual([1, 2, 3, 4]);
  });

  it("replaces what we showed by what the server keeps (numbers are masked there)", () => {
    const sent = queue(after(welcome(0)), { clientId: "c1", text: "卡号 6222021234567890123", at: at(1) });
    const shown = receive(sent, { type: "sent", client_id: "c1", seq: 1, at: at(2) });
    expect(shown.messages[0]?.text).toContain("6222");
    const masked = message(1, { from: "guest", client_id: "c1", text: "卡号 ****0123" });
    expect(receive(shown, { type: "message", message: masked }).messages).toEqual([masked]);
  });

  it("ends the typing of whoever spoke, and of whoever handed over", () => {
    const typing = after(welcome(0), { type: "typing", on: true });
    expect(typing.typing).toBe(true);
    expect(receive(typing, { type: "message", message: message(1) }).typing).toBe(false);
    expect(receive(typing, { type: "message", message: message(1, { from: "guest" }) }).typing).toBe(true);
    expect(receive(typing, { type: "speaker", speaker: { kind: "staff", name: "王芳" } }).typing).toBe(false);
  });

  it("changes nothing when it is a frame of a later release", () => {
    const thread = after(welcome(1, message(1)));
    expect(receive(thread, { type: "surprise" } as unknown as ServerFrame)).toBe(thread);
  });
});

describe("what the guest sends", () => {
  const waiting = queue(after(welcome(3, message(3))), { clientId: "c1", text: "早餐几点", at: at(9) });

  it("waits until the server has it, and is then one message", () => {
    expect(toSend(waiting).map(({ clientId }) => clientId)).toEqual(["c1"]);
    const sent = receive(waiting, { type: "sent", client_id: "c1", seq: 4, at: at(10) });
    expect(sent.pending).toEqual([]);
    expect(sent.messages[1]).toMatchObject({ seq: 4, from: "guest", text: "早餐几点", client_id: "c1" });
  });

  it("is one message whichever comes first, the receipt or the message itself", () => {
    const frames: ServerFrame[] = [
      { type: "sent", client_id: "c1", seq: 4, at: at(10) },
      { type: "message", message: message(4, { from: "guest", client_id: "c1", text: "早餐几点" }) },
    ];
    for (const order of [frames, [...frames].reverse()]) {
      const thread = order.reduce(receive, waiting);
      expect(seqs(thread)).toEqual([3, 4]);
      expect(thread.pending).toEqual([]);
    }
  });

  it("doesn't move the point of resuming: an answer before it may still be missing", () => {
    const sent = receive(waiting, { type: "sent", client_id: "c1", seq: 5, at: at(10) });
    expect(sent.seq).toBe(3);
    expect(seqs(receive(sent, welcome(5, message(4), message(5, { from: "guest", client_id: "c1" }))))).toEqual([3, 4, 5]);
  });

  it("is found in the history after a reload that came between sending and its receipt", () => {
    const reloaded = queue(EMPTY, { clientId: "c1", text: "早餐几点", at: at(9) });
    const thread = receive(reloaded, welcome(4, message(3), message(4, { from: "guest", client_id: "c1" })));
    expect(thread.pending).toEqual([]);
    expect(seqs(thread)).toEqual([3, 4]);
  });

  it("is queued once", () => {
    expect(queue(waiting, { clientId: "c1", text: "早餐几点", at: at(11) })).toBe(waiting);
  });

  it("stays with the reason when it is refused, and goes again when the guest says so", () => {
    const refused = receive(waiting, { type: "error", code: "too_long", message: "内容太长", client_id: "c1" });
    expect(refused.pending[0]?.refused).toBe("内容太长");
    expect(toSend(refused)).toEqual([]);
    expect(toSend(retry(refused, "c1"))).toHaveLength(1);
  });

  it("just goes on waiting when the trouble passes by itself", () => {
    for (const code of ["unavailable", "too_many", "internal"]) {
      expect(toSend(receive(waiting, { type: "error", code, message: "忙", client_id: "c1" }))).toHaveLength(1);
    }
  });
});

describe("another history than the one we have", () => {
  const ahead = queue(after(welcome(9, message(8), message(9))), { clientId: "c1", text: "在吗", at: at(20) });
  const other: ServerFrame = { ...welcome(2, message(1, { id: "d:1" })), reset: true, conversation: "d" } as ServerFrame;

  it("replaces it: what was shown goes, what waits stays, and the place to resume is the new one's", () => {
    const anew = receive(ahead, other);
    expect(anew).toMatchObject({ seq: 2, conversation: "d" });
    expect(anew.messages.map(({ id }) => id)).toEqual(["d:1"]);
    expect(toSend(anew)).toHaveLength(1);
  });

  it("isn't there as long as the server says so", () => {
    expect(seqs(receive(ahead, welcome(9)))).toEqual([8, 9]);
  });

  it("of two conversations that became one stands in the order of time, each message once", () => {
    const both = [message(3, { id: "a:3", at: at(3) }), message(3, { id: "b:3", at: at(2) }), message(1, { id: "b:1", at: at(4) })];
    expect(after(welcome(9, ...both), welcome(9, ...both)).messages.map(({ id }) => id)).toEqual(["b:3", "a:3", "b:1"]);
  });
});

describe("files of the guest", () => {
  const file = { kind: "image", size: 9, name: "海.jpg", address: "blob:x" } as const;
  const waiting = queue(after(welcome(3)), { clientId: "c1", text: "", at: at(9), file });

  it("stand where they are until the server has them, and then as it has them", () => {
    const sent = receive(waiting, { type: "sent", client_id: "c1", id: "a:4", seq: 4, at: at(10) });
    expect(sent.messages[0]?.file).toEqual(file);
    const kept = message(4, { id: "a:4", from: "guest", client_id: "c1", file: { ...file, address: "/files/x" } });
    expect(receive(sent, { type: "message", message: kept }).messages).toEqual([kept]);
  });

  it("can be given up", () => {
    expect(drop(waiting, "c1").pending).toEqual([]);
  });
});

describe("what is new to the guest", () => {
  const thread = after(welcome(4, message(1), message(2, { from: "guest" }), message(3), message(4, { from: "staff" })));

  it("is what others said after the last one seen", () => {
    expect(unread(thread).map(({ seq }) => seq)).toEqual([1, 3, 4]);
    expect(unread(markRead(thread, at(3))).map(({ seq }) => seq)).toEqual([4]);
    expect(unread(markRead(thread))).toEqual([]);
  });

  it("never becomes new again", () => {
    expect(markRead(markRead(thread), at(2)).read).toBe(at(4));
  });
});

describe("quick replies", () => {
  const options = [{ title: "对", text: "对" }];
  const asked = after(welcome(1, message(1, { options })));

  it("are those of the last message", () => {
    expect(choices(asked)).toEqual(options);
  });

  it("are gone as soon as the guest says anything, or somebody else speaks", () => {
    expect(choices(queue(asked, { clientId: "c1", text: "对", at: at(3) }))).toEqual([]);
    expect(choices(receive(asked, { type: "message", message: message(2) }))).toEqual([]);
  });
});
