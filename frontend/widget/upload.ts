/** One file on its way: the bytes as they are, the visitor's token in a header, how far it has got. */
import { CLOSING } from "./protocol";

export interface Receipt {
  seq: number;
  at: string;
}

/** The server answered, and not with what we asked for. `code` is a closing code, as of a socket. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly code: number,
    readonly passing: boolean,
  ) {
    super(message);
  }
}

export function refusal(status: number, body: unknown): Refused {
  const message = (body as { error?: { message?: string } } | null)?.error?.message ?? "";
  return new Refused(message, CLOSING[status] ?? 0, status >= 500 || status in CLOSING);
}

export function upload(
  url: URL,
  token: string,
  locale: string,
  file: Blob,
  progress: (share: number) => void,
  stop: AbortSignal,
): Promise<Receipt> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest(); // fetch can't say how far an upload has got
    request.open("POST", url);
    request.setRequestHeader("X-Visitor", token);
    request.setRequestHeader("Accept-Language", locale);
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    request.onload = () =>
      request.status === 200 ? done(request.response as Receipt) : fail(refusal(request.status, request.response));
    request.onerror = request.onabort = request.ontimeout = () => fail(new Error("network"));
    stop.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
