// Puts the page together: the wire, the state, the views, and the address bar.

import "@fontsource/newsreader/latin-400.css";
import "@fontsource/newsreader/latin-400-italic.css";
import "@fontsource/newsreader/latin-500.css";
import "@fontsource/inter/latin-400.css";
import "@fontsource/inter/latin-600.css";
import "@fontsource/jetbrains-mono/latin-400.css";
import "./ui/page.css";
import { mount } from "svelte";
import { app } from "./state/app.svelte";
import { parseAddress } from "./state/address";
import { adopt, isForeign, keep, linkOf, stepOfDefaultRun } from "./state/link";
import { expose } from "./ui/hook";
import { save } from "./ui/save";
import { type State, isMoving, question, wanted } from "./state/store";
import { kept, seen } from "./story/way";
import App from "./page/App.svelte";
import View from "./page/View.svelte";
import { inNotebook, keepOffline, site } from "./edition";
import { beginPrelude } from "./prelude/prelude";
import { connect as toParent, windowAround } from "./wire/parent";
import { connect as toServer } from "./wire/socket";
import { connect as toWorker } from "./wire/worker";
import type { Ears } from "./wire/wire";

const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const notebook = inNotebook();
const bar = adopt(notebook ?? location.hash, sessionStorage);
let told = 0; // the newest event that is to be acknowledged once it is drawn
let acknowledged = 0;
let asked = ""; // what the player was last asked to send
let explained = ""; // and to explain

let complained = false;

/** Say what of the link the page cannot use; what the player cannot use it says itself. */
function complain(): void {
  complained = true;
  const what = `Not all of the link could be used: it says ${bar.dropped.join("; it says ")}`;
  app.dispatch({
    kind: "refuse",
    what,
    hint: "The rest of it applies, and the address stays as it is until you change something",
  });
}

const begin = site();
const ears: Ears = {
  open: () => {
    asked = explained = "";
    told = acknowledged = 0;
    const link = app.state.frame ? linkOf(app.state) : bar.link; // the address bar may lag behind
    return { kind: "Open", run: bar.run, link, still };
  },
  renumbered: () => {
    told = acknowledged = 0;
  },
  told: (message) => {
    const { event } = message;
    if ("seq" in event) told = event.seq;
    if (event.kind === "Done") return; // nothing to draw
    if (event.kind === "File") save(event.name, event.type, message.arrays.get("bytes")?.data);
    app.dispatch({ kind: "told", told: message });
    if (event.kind === "Hello") bar.run = event.run;
    if (event.kind === "Hello" && bar.dropped.length && !complained) complain();
  },
  line: (line, reason) => {
    app.dispatch({ kind: "line", line, reason });
    if (begin && line === "open") void keepOffline(); // after Python, which comes first
  },
};
const wire =
  notebook !== null
    ? toParent(windowAround(), ears, (address) => app.select(parseAddress(address)))
    : begin
      ? toWorker(
          {
            begin,
            start: () => new Worker(new URL("./worker/main.ts", import.meta.url), { type: "module" }),
            // the file of the first steps has the default run
            standIn: (open, tell) => {
              const step = stepOfDefaultRun(open.link ?? "");
              return begin.documents || step === null || bar.watched !== null
                ? null
                : beginPrelude(begin.python, open, step, tell);
            },
          },
          ears,
        )
      : toServer(new URL("ws", location.href).href.replace(/^http/, "ws"), ears);

app.send = wire.send;
app.seen = () => {
  if (told > acknowledged) wire.send({ kind: "Ack", seq: (acknowledged = told) });
};
app.told = (state) => {
  const arrays = wanted(state);
  const now = JSON.stringify([arrays, state.watched, state.hello?.run, state.hello?.data_sha256, state.hello?.config]);
  if (state.hello && now !== asked) {
    asked = now;
    wire.send({ kind: "Watch", arrays, document: state.watched });
  }
  explain(state);
  if (notebook === null) keep(bar, state);
  goOn(state);
};

const PATIENCE = 400; // ms between two explanations while time runs
let explainedAt = 0;

/** Ask why the selected number is what it is, whenever that is another question than before. */
function explain(state: State): void {
  const asking = question(state);
  if (!asking || asking.key === explained) return;
  const now = performance.now();
  if (isMoving(state) && now - explainedAt < PATIENCE && asking.address === state.explained?.event.address) return;
  explained = asking.key;
  explainedAt = now;
  wire.send({ kind: "Explain", address: asking.address });
}

/** Any change may complete the task of the story's step. */
function goOn({ story }: State): void {
  const next = story && seen(story, app.state);
  if (next && next !== story) app.dispatch({ kind: "story", story: next });
}

// A link that is pasted into this tab opens as it would in a new one: a link that the tab has not
// written itself ends what it showed, and nothing of the page need know how to become another run.
addEventListener("hashchange", () => {
  if (isForeign(bar, location.hash)) location.reload();
});

const dark = matchMedia("(prefers-color-scheme: dark)");
app.dress(dark.matches);
dark.addEventListener("change", () => app.dress(dark.matches));
app.dispatch({ kind: "select", address: bar.selected });
app.dispatch({ kind: "show", show: bar.show });
app.dispatch({ kind: "watch", document: bar.watched });
app.dispatch({ kind: "lesson", lesson: bar.lesson });
if (bar.story !== null) app.dispatch({ kind: "story", story: kept(sessionStorage, bar.story) });

const target = document.getElementById("page");
if (target && bar.view) mount(View, { target, props: { again: wire.again, view: bar.view } });
else if (target) mount(App, { target, props: { again: wire.again } });
expose(app);
