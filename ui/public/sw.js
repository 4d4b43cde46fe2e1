/**
 * Keeps the dashboard at hand without a network: its files, never an answer of the API. Shows what alerts push.
 * Its address names the build, so that another build is another worker with caches of its own.
 */
const BUILD = new URL(self.location.href).searchParams.get("build") ?? "none";
const CACHE = `dashboard-${BUILD}`;
const OFFLINE = "/offline/";
const FOR_EVER = "/_next/static/";
const FILES = /\.(?:js|css|woff2|png|svg|webmanifest|txt)$/;
// What the server answers itself, and the page for those who write programs.
const SERVER = ["/v1/", "/problems/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"];
const PAGES = ["/market/", "/signals/", "/performance/", "/alerts/", OFFLINE];

/** A page with everything that its text names, so that it can be opened without a network. */
async function keepPage(cache, page) {
  const reply = await fetch(page, { cache: "no-cache" });
  if (!reply.ok) throw new Error(`${page}: ${reply.status}`);
  const text = await reply.clone().text();
  await cache.put(page, reply);
  const named = new Set(text.match(/\/_next\/static\/[^"'\\\s)]+/g) ?? []);
  await Promise.all(
    [...named].map(async (file) => {
      if (!(await cache.match(file))) await cache.add(file);
    }),
  );
}

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(CACHE);
      for (const page of PAGES) await keepPage(cache, page);
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      await self.clients.claim();
    })(),
  );
});

/** Files whose names are hashes of what is in them: those that are kept are right for ever. */
async function keptFirst(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const reply = await fetch(request);
  if (reply.ok) await (await caches.open(CACHE)).put(request, reply.clone());
  return reply;
}

/** The page as it is now; without a network as it was, and where it was never seen, one that says so. */
async function freshFirst(request) {
  try {
    const reply = await fetch(request);
    if (reply.ok) await (await caches.open(CACHE)).put(new URL(request.url).pathname, reply.clone());
    return reply;
  } catch (error) {
    const kept = await caches.match(new URL(request.url).pathname);
    if (kept) return kept;
    if (request.mode !== "navigate") throw error;
    return (await caches.match(OFFLINE)) ?? Response.error();
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (pathname.startsWith(FOR_EVER)) event.respondWith(keptFirst(request));
  else if (SERVER.some((one) => pathname.startsWith(one))) return;
  else if (request.mode === "navigate" || FILES.test(pathname)) event.respondWith(freshFirst(request));
});

self.addEventListener("push", (event) => {
  const { title, body, tag, alert_id } = event.data?.json() ?? {};
  event.waitUntil(
    self.registration.showNotification(title ?? "Crypto Analytics Platform", {
      body,
      tag,
      icon: "/icons/icon-192.png",
      badge: "/icons/icon-192.png",
      data: { url: alert_id ? `/alerts/?alert=${encodeURIComponent(alert_id)}` : "/alerts/" },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data?.url ?? "/", self.location.origin).href;
  event.waitUntil(
    (async () => {
      const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
      const here = open.find((client) => client.url === url) ?? open[0];
      if (!here) return self.clients.openWindow(url);
      // Refused where nobody pressed anything just now.
      await here.focus().catch(() => undefined);
      return here.url === url ? undefined : here.navigate(url);
    })(),
  );
});
