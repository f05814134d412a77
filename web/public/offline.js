// The service worker of a static site: keeps its files, so that a later visit needs no network.
// `glassgpt site` writes FILES, their addresses, and VERSION, a hash of their content, in front of this.
/* global FILES, VERSION */

const MINE = `glassgpt ${registration.scope} `; // other sites of the same host have caches of their own
const CACHE = MINE + VERSION;

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES);
  await skipWaiting();
}

async function forgetOlder() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(MINE) && name !== CACHE).map((name) => caches.delete(name)));
  await clients.claim();
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(forgetOlder()));
addEventListener("fetch", (event) => event.respondWith(answer(event.request)));
