/** How long to wait before trying again: doubling from half a second to `most`, spread by chance so that
 * a hundred desks don't return in the same second. */
export function backoff(failures: number, chance: () => number = Math.random, most = 30_000): number {
  const full = Math.min(most, 500 * 2 ** Math.max(0, failures - 1));
  return Math.round(full / 2 + (full / 2) * chance());
}
