// A teacher's link: what it hides of the page, and its question. Only the page reads these keys.

import { site } from "../edition";
import { HIDEABLE, type Panel } from "./panels";

export interface Lesson {
  hide: readonly Panel[];
  ask: string;
}

export const LONGEST_QUESTION = 300; // characters

/** The lesson that a link's pairs describe; names that no panel has are left out. */
export function readLesson(pairs: URLSearchParams): Lesson {
  const named = new Set((pairs.get("hide") ?? "").split(","));
  return { hide: HIDEABLE.filter((panel) => named.has(panel)), ask: bounded(pairs.get("ask") ?? "") };
}

export function writeLesson(lesson: Lesson, pairs: URLSearchParams): void {
  if (lesson.hide.length) pairs.set("hide", lesson.hide.join(","));
  if (lesson.ask) pairs.set("ask", bounded(lesson.ask));
}

function bounded(text: string): string {
  return [...text].slice(0, LONGEST_QUESTION).join("").trim();
}

const HERE = /^(localhost|127\.|\[::1\])/; // what only this computer answers to

/** Where others open the page: `address` is the server's own, with its token; null where none can. */
export function wayIn(address: string, location: Place): string | null {
  if (!URL.canParse(address)) return null;
  const server = new URL(address);
  if (!HERE.test(location.host)) return `${location.origin}${location.pathname}${server.search}`;
  return HERE.test(server.host) ? null : `${server.origin}/${server.search}`;
}

interface Place {
  host: string;
  origin: string;
  pathname: string;
}

/** Where others open the page: a static site where it is, else as the server says. */
export async function findWayIn(): Promise<string | null> {
  if (site()) return wayIn(location.href.split("#")[0] ?? "", location);
  const answer = await fetch("address").catch(() => null);
  return answer?.ok ? wayIn(await answer.text(), location) : null;
}
