/** Finds Chinese by how it is typed: whole syllables, their beginnings, or initials alone, from any syllable on. */

const plain = (typed: string): string => typed.toLowerCase().replace(/[\s']/g, "");

/** `spelt` is syllable by syllable: "wang fang". "wf", "wangf", "fang" and "wfang" find it. */
export function sounds(spelt: string, typed: string): boolean {
  const wanted = plain(typed);
  if (!/^[a-z0-9]+$/.test(wanted)) return false;
  const syllables = spelt.toLowerCase().split(" ").filter(Boolean);
  return syllables.some((_, index) => begins(syllables, index, wanted));
}

/** Each syllable gives one letter or more of what was typed. */
function begins(syllables: string[], from: number, wanted: string): boolean {
  if (!wanted) return true;
  const syllable = syllables[from];
  if (!syllable) return false;
  for (let length = Math.min(syllable.length, wanted.length); length > 0; length -= 1)
    if (wanted.startsWith(syllable.slice(0, length)) && begins(syllables, from + 1, wanted.slice(length))) return true;
  return false;
}

/** Whether what is typed is found in the words as they are, or in how they are typed. */
export function finds(words: string[], spelt: string[], typed: string): boolean {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return true;
  return words.some((one) => one.toLowerCase().includes(wanted)) || spelt.some((one) => sounds(one, wanted));
}
