/** What a refusal of the service means, in words of the screens. */
import type { Refusal } from "./api";
import { t } from "./texts";

export function holderName(holder: unknown): string {
  if (typeof holder === "string") return holder;
  return (holder as { name?: string } | null)?.name ?? "";
}

export function refusalText(error: Refusal): string {
  const name = holderName(error.detail.holder);
  switch (error.code) {
    case "held":
      return name ? t("toast.held", { name }) : t("toast.held_nobody");
    case "not_holder":
      return t("toast.not_holder");
    case "closed":
      return t("toast.closed_already");
    case "reply_window_closed":
      return t("toast.unreachable");
  }
  if (["own_edit", "own_mark", "others_mark"].includes(error.code)) return error.message;
  if (error.status === 403) return t("toast.forbidden");
  return error.message || t("toast.failed", { code: error.code });
}
