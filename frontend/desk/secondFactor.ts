/** The calls of one's own second factor, and what a refusal says beside which field. */
import { Refusal, request } from "./api";
import { t } from "./texts";

export interface Offer {
  /** In groups of four, as people type it. */
  key: string;
  link: string;
  offer: string;
}

export const askOffer = (password: string): Promise<Offer> =>
  request("POST", "/second-factor/offer", { body: { password } });
export const confirm = (offer: string, code: string): Promise<{ recovery: string[] }> =>
  request("POST", "/second-factor", { body: { offer, code } });
export const turnOff = (password: string, code: string): Promise<unknown> =>
  request("POST", "/second-factor/off", { body: { password, code } });

export interface Wrong {
  password: string;
  code: string;
  trouble: string;
}

export function explain(error: unknown): Wrong {
  const wrong = { password: "", code: "", trouble: "" };
  if (!(error instanceof Refusal)) wrong.trouble = t("signin.offline");
  else if (error.code === "wrong_password") wrong.password = t("factor.wrong_password");
  else if (error.code === "wrong_code") wrong.code = t("factor.wrong_code");
  else wrong.trouble = error.message;
  return wrong;
}
