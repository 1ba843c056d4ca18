/** On phones the panel is a sheet over the whole page: the keyboard, the page's scrolling and the focus. */

export const PHONE = "(max-width:480px),(max-height:480px) and (max-width:932px)";

/** Fits `frame` to what the keyboard leaves visible, while the sheet is open. Returns how to stop. */
export function fitToKeyboard(frame: HTMLElement): () => void {
  const seen = window.visualViewport;
  if (!seen) return () => undefined;
  const fit = (): void => {
    frame.style.setProperty("--top", `${seen.offsetTop}px`);
    frame.style.setProperty("--height", `${seen.height}px`);
    // The home bar's inset is under the keyboard while that is open.
    const keyboard = window.innerHeight - seen.height > 120;
    frame.style.setProperty("--safe", keyboard ? "0px" : "env(safe-area-inset-bottom,0px)");
  };
  fit();
  seen.addEventListener("resize", fit);
  seen.addEventListener("scroll", fit);
  return () => {
    seen.removeEventListener("resize", fit);
    seen.removeEventListener("scroll", fit);
  };
}

/** The page behind must not scroll under the sheet. Returns how to let it again. */
export function holdPage(): () => void {
  const style = document.documentElement.style;
  const before = style.overflow;
  style.overflow = "hidden";
  return () => {
    style.overflow = before;
  };
}

/** Keeps Tab inside `panel`. */
export function trapTab(event: KeyboardEvent, panel: HTMLElement): void {
  if (event.key !== "Tab") return;
  const stops = [...panel.querySelectorAll<HTMLElement>("button,a[href],textarea,[tabindex='0']")].filter(
    (stop) => stop.getClientRects().length > 0,
  );
  const [first, last] = [stops[0], stops[stops.length - 1]];
  const active = (panel.getRootNode() as ShadowRoot).activeElement;
  const edge = event.shiftKey ? first : last;
  if (active !== edge || !first || !last) return;
  event.preventDefault();
  (event.shiftKey ? last : first).focus();
}
