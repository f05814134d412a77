// Which keys move time, by what has the focus. A control that was clicked gives its keys back to
// time: one that was reached by Tab keeps them, as those expect who use no pointer.

export type Focus = "page" | "text" | "slider" | "figure" | "switch" | "button" | "curve";

const TIME = [" ", "ArrowLeft", "ArrowRight", "Home", "End"];

/** Is this key one of time, where `focus` was reached by a pointer or not? */
export function isTimeKey(key: string, focus: Focus, pointed: boolean): boolean {
  if (!TIME.includes(key)) return false;
  switch (focus) {
    case "page":
      return true;
    case "text":
      return false;
    case "figure":
      return pointed && key === " "; // which a figure takes where it can select
    case "slider":
    case "curve":
      return key === " ";
    case "switch":
      return pointed || key === "Home" || key === "End" || key === " "; // one of a switch is always on: space has nothing to do
    case "button":
      return pointed || key !== " ";
  }
}

/** What an element is, for the keys of time. */
export function focusOf(element: Element | null): Focus {
  if (!element) return "page";
  if (element.closest("dialog, [popover]")) return "text"; // whose keys are its own
  if (element.closest("canvas")) return "figure";
  if (element.closest("[role=slider]")) return "curve";
  if (element.closest("input[type=range]")) return "slider";
  if (element.closest("input[type=radio]")) return "switch";
  if (element.closest("input, textarea, select, [contenteditable]")) return "text";
  return element.closest("button, a, summary") ? "button" : "page";
}
