// What the page and its worker send each other, besides commands and frames.

/** To the worker, first: where Python's files are, and the documents of the site, if it has its own. */
export interface Begin {
  python: string; // the address of the folder
  documents: string | null; // the address of a JSON file
}

/** To the page: how much of Python is here, that it can open a run, that the run has ended, or that Python cannot run. */
export type News =
  | { news: "loading"; bytes: number; of: number }
  | { news: "ready" }
  | { news: "ended"; reason: string }
  | { news: "failed"; reason: string };

/** A message of the page is a command; one of the worker is news, or the frame of an event. */
export type FromPage = Begin | string | ArrayBuffer;
export type FromWorker = News | ArrayBuffer;
