/** What somebody has written into a point and not saved, until the page is left for good. */
import type { Entry } from "../knowledge";

export const unsaved = new Map<string, Entry>();
