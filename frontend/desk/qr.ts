/** A QR code as one path of squares, so that nothing but a picture is added to the page. */
import encodeQR from "qr";

export interface Picture {
  /** Squares on a side, with the quiet zone that a camera needs. */
  size: number;
  path: string;
}

export function drawn(text: string): Picture {
  const rows = encodeQR(text, "raw", { border: 4, ecc: "low" });
  const squares = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { size: rows.length, path: squares.join("") };
}
