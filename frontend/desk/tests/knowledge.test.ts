import { expect, it } from "vitest";

import { together } from "../knowledge";

it("says once what goes before several ways to ask", () => {
  const order = { kind: "service", name: "叫醒" } as const;
  const before = [
    { text: "明早叫我", ...order },
    { text: "我要投诉", kind: "person", name: "投诉" } as const,
    { text: "叫醒服务", ...order },
  ];
  expect(together(before)).toEqual([
    { texts: ["明早叫我", "叫醒服务"], ...order },
    { texts: ["我要投诉"], kind: "person", name: "投诉" },
  ]);
});
