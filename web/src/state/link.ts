// The address bar holds the experiment. The player writes what makes the run; the page adds where
// it is and what is selected. The run's name is kept for a reload of the same tab.

import { type Address, type Show, formatAddress, parseAddress } from "./address";
import { type Lesson, readLesson, writeLesson } from "./lesson";
import { DEFAULT_CONFIG } from "../protocol.gen";
import type { State } from "./store";
import { VIEWS, type View } from "./panels";

export interface Bar {
  run: string;
  link: string;
  selected: Address | null;
  show: Show;
  watched: string | null; // the text that the machine is kept to
  lesson: Lesson;
  view: View | null; // the only figure that is shown, as in another page
  story: number | null; // the step of the story that is asked for, from 1
  written: string;
  at: number; // when it was last written
  waits: State | null; // what is to be written when the pause is over
  dropped: string[]; // what the page cannot use of the link
  held: string | null; // the link to what a faulty address came to: it stays until that changes; "" once it has
}

const RUN = "glassgpt.run";
const WRITTEN = "glassgpt.link";
const LONGEST_WATCHED = 200; // characters: a longer text would make a link that breaks in a mail
const PAUSE = 500; // browsers take a hundred changes in half a minute

/** What the address says, and whether this tab has been on that run before. */
export function adopt(hash: string, storage: Storage): Bar {
  const link = bare(hash);
  const same = link === "" || link === storage.getItem(WRITTEN);
  const pairs = new URLSearchParams(link);
  const show = pairs.get("show");
  const story = Number(pairs.get("story") ?? NaN);
  const isShow = show === null || show === "value" || show === "grad" || show === "delta";
  const view = VIEWS.find((one) => one === pairs.get("view")) ?? null;
  const isStory = !pairs.has("story") || (Number.isInteger(story) && story > 0);
  const at = pairs.get("at");
  const faults: [boolean, string][] = [
    [!!at && !parseAddress(at), `at=${at}, which is not an address of a number`],
    [!isShow, `show=${show}, but a machine shows value, grad or delta`],
    [pairs.has("view") && !view, `view=${pairs.get("view")}, but a view is one of ${VIEWS.join(", ")}`],
    [!isStory, `story=${pairs.get("story")}, which is no step of the story`],
  ];
  return {
    run: same ? (storage.getItem(RUN) ?? "") : "",
    link,
    selected: parseAddress(pairs.get("at") ?? ""),
    show: show === "grad" || show === "delta" ? show : "value",
    watched: pairs.get("watch"),
    lesson: readLesson(pairs),
    view,
    story: Number.isInteger(story) && story > 0 ? story : null,
    written: link,
    at: 0,
    waits: null,
    dropped: faults.flatMap(([isFault, words]) => (isFault ? [words] : [])),
    held: null,
  };
}

/** Does the address say something that the page has not written? Then it came by the reader's hand. */
export function isForeign(bar: Bar, hash: string): boolean {
  return bare(hash) !== bar.written;
}

function bare(hash: string): string {
  return hash.replace(/^#/, "");
}

/** The link to what is seen now. */
export function linkOf(state: State): string {
  const pairs = new URLSearchParams(state.link);
  if (state.frame && !state.frame.playing && !state.frame.busy) pairs.set("step", String(state.frame.step));
  if (state.selected) pairs.set("at", formatAddress(state.selected));
  if (state.show !== "value") pairs.set("show", state.show);
  if (state.watched !== null && state.watched.length <= LONGEST_WATCHED) pairs.set("watch", state.watched);
  if (state.story) pairs.set("story", String(state.story.at + 1));
  writeLesson(state.lesson, pairs);
  return pairs.toString();
}

/** May the address be written? Not while it says what could not all be used, and nothing has changed since. */
export function mayWrite(bar: Bar, state: State): boolean {
  const pairs = new URLSearchParams(linkOf(state));
  pairs.delete("step"); // time moves by itself
  const link = pairs.toString();
  bar.held ??= state.hello?.notice || bar.dropped.length ? link : "";
  if (bar.held === link) return false;
  bar.held = "";
  return true;
}

export function keep(bar: Bar, state: State): void {
  if (!state.hello || !state.frame || isForeign(bar, location.hash)) return; // a pasted link is not written over
  if (!mayWrite(bar, state)) {
    sessionStorage.setItem(RUN, bar.run); // a reload comes back to the run nevertheless
    sessionStorage.setItem(WRITTEN, bar.written);
    return;
  }
  const link = linkOf(state) + (bar.view ? `&view=${bar.view}` : "");
  if (link === bar.written && sessionStorage.getItem(RUN) === bar.run) return;
  const now = performance.now();
  if (bar.at && now - bar.at < PAUSE) {
    if (!bar.waits) setTimeout(() => later(bar), PAUSE - (now - bar.at));
    bar.waits = state;
    return;
  }
  bar.at = now;
  bar.written = bar.link = link;
  sessionStorage.setItem(RUN, bar.run);
  sessionStorage.setItem(WRITTEN, link);
  history.replaceState(null, "", `#${link}`);
}

function later(bar: Bar): void {
  const state = bar.waits;
  bar.waits = null;
  if (state) keep(bar, state);
}

/** The file that a link needs in addition, where its text was too large for the link; or nothing. */
export function fileBeside(link: string): string {
  const pairs = new URLSearchParams(link);
  return pairs.has("sha256") ? (pairs.get("data") ?? "") : "";
}

const ASIDE = new Set(["at", "show", "hide", "ask", "story", "view", "step"]); // of a link, what does not make the run

/** The step of a link to the default run, null if the link is to another run. */
export function stepOfDefaultRun(link: string): number | null {
  const pairs = [...new URLSearchParams(link)].filter(([key]) => !ASIDE.has(key));
  const isDefault = pairs.every(([key, value]) => key === "seed" && value === String(DEFAULT_CONFIG.seed));
  const step = Number(new URLSearchParams(link).get("step") ?? 0);
  return isDefault && Number.isInteger(step) && step >= 0 && step <= DEFAULT_CONFIG.num_steps ? step : null;
}
