/**
 * Who the hotel's site says its visitor is: a token that it has signed, for a few minutes at a time. This page
 * only reads whose it is and when it ends; believing it is the service's.
 */

type Source = string | null | (() => string | null | Promise<string | null>);

const AHEAD = 60_000; // a new one is asked for so long before the old one ends
const SOON = 5_000; // and not more often than this

interface Claims {
  sub?: unknown;
  exp?: unknown;
}

export class Identity {
  token: string | null = null;
  private source: Source = null;
  private asked = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is told of every new token, and of none (signed out). */
  constructor(private readonly changed: (subject: string | null) => void) {}

  /** A token, or what gives one whenever it is needed; null signs out. */
  async use(source: Source): Promise<void> {
    this.source = source;
    await this.renew();
  }

  /** The service doesn't believe it (any more): a site that can give another is asked, now and then. */
  refused(): void {
    if (typeof this.source === "function" && Date.now() - this.asked > AHEAD / 2) void this.renew();
  }

  /** Somebody has signed out elsewhere in this browser. */
  drop(): void {
    clearTimeout(this.timer);
    this.source = this.token = null;
  }

  private async renew(): Promise<void> {
    clearTimeout(this.timer);
    this.asked = Date.now();
    const { source } = this;
    let token: string | null;
    try {
      token = typeof source === "function" ? await source() : source;
    } catch {
      // The site couldn't give one just now: who it is hasn't changed.
      this.timer = setTimeout(() => void this.renew(), AHEAD);
      return;
    }
    if (source !== this.source) return; // somebody else has signed in meanwhile
    const claims = token ? claimsOf(token) : null;
    this.token = claims ? token : null;
    this.changed(claims ? String(claims.sub) : null);
    if (claims && typeof source === "function") {
      const wait = Math.max(SOON, Number(claims.exp) * 1000 - Date.now() - AHEAD);
      this.timer = setTimeout(() => void this.renew(), wait);
    }
  }
}

export function claimsOf(token: string): Claims | null {
  try {
    const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Claims | null;
    return typeof claims?.sub === "string" && claims.sub ? claims : null;
  } catch {
    return null;
  }
}
