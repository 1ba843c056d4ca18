import type { FactKind } from "../facts";
import { t } from "../texts";

/** A fact's value as people read it. */
export function shown(kind: FactKind, value: string): string {
  if (!value) return t("facts.unknown");
  return kind === "money" ? `¥${value}` : value;
}
