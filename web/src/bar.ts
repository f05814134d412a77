// The address bar holds the experiment. The player writes what makes the run; the page adds where
// it stands and what is selected. The run's name is kept for a reload of the same tab.

import { type Address, formatAddress, parseAddress } from "./address";
import { type Lesson, readLesson, writeLesson } from "./lesson";
import type { Show, State } from "./store";

export interface Bar {
  run: string;
  link: string;
  selected: Address | null;
  show: Show;
  watched: string | null; // the text that the machine is kept to
  lesson: Lesson;
  story: number | null; // the step of the story that is asked for, from 1
  written: string;
  at: number; // when it was last written
  waits: State | null; // what is to be written when the pause is over
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
  return {
    run: same ? (storage.getItem(RUN) ?? "") : "",
    link,
    selected: parseAddress(pairs.get("at") ?? ""),
    show: show === "grad" || show === "delta" ? show : "value",
    watched: pairs.get("watch"),
    lesson: readLesson(pairs),
    story: Number.isInteger(story) && story > 0 ? story : null,
    written: link,
    at: 0,
    waits: null,
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

export function keep(bar: Bar, state: State): void {
  if (!state.hello || !state.frame || isForeign(bar, location.hash)) return; // a pasted link is not written over
  const link = linkOf(state);
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
