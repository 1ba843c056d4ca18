import decodeQR from "qr/decode.js";
import { expect, test } from "vitest";

import { drawn } from "../qr";

const SCALE = 6;

test("a phone that reads the picture has the key's address", () => {
  const link =
    "otpauth://totp/%E5%BA%97%E5%B0%8F%E4%BA%8C:wang.fang?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=%E5%BA%97%E5%B0%8F%E4%BA%8C";
  const { size, path } = drawn(link);
  const width = size * SCALE;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let row = 0; row < SCALE; row++) {
      const at = ((Number(y) * SCALE + row) * width + Number(x) * SCALE) * 4;
      for (let pixel = 0; pixel < SCALE; pixel++) data.fill(0, at + pixel * 4, at + pixel * 4 + 3);
    }
  }
  expect(decodeQR({ width, height: width, data })).toBe(link);
});
