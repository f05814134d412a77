// Copying. A browser lets a page do it only over https or from this very machine; elsewhere the
// text is offered, selected, to be copied by hand.

import { app } from "../state/app.svelte";

/** Copy a text, and return whether the browser did. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text); // over plain http there is no clipboard at all
    return true;
  } catch {
    app.dispatch({ kind: "uncopied", text });
    return false;
  }
}

/** Give the focus to a field, with all its text selected. */
export function selected(field: HTMLInputElement): void {
  field.focus();
  field.select();
}
