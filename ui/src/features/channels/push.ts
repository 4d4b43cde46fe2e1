/** Web Push of this browser: what it can, and the way in and out. */

/** This browser: whether it can be pushed to, and by what the API knows it where it is subscribed. */
export interface PushHere {
  can: "never" | "refused" | "yes";
  digest: string | null;
}

/** Why a browser could not be subscribed, in words for whoever asked for it. */
export class PushRefused extends Error {}

/** Bytes of a key that is written in base64url. */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  const padded = key.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (key.length % 4)) % 4);
  return Uint8Array.from(atob(padded), (one) => one.charCodeAt(0));
}

/** A name by which somebody knows this browser among his others: Chrome on Linux. */
export function browserName(agent: string): string {
  const found = (names: [RegExp, string][], otherwise: string) =>
    names.find(([pattern]) => pattern.test(agent))?.[1] ?? otherwise;
  const browser = found(
    [
      [/Edg\//, "Edge"],
      [/OPR\//, "Opera"],
      [/Firefox\//, "Firefox"],
      [/Chrom(e|ium)\//, "Chrome"],
      [/Safari\//, "Safari"],
    ],
    "Browser",
  );
  const system = found(
    [
      [/Android/, "Android"],
      [/iPhone|iPad/, "iOS"],
      [/Windows/, "Windows"],
      [/Mac OS X/, "macOS"],
      [/Linux/, "Linux"],
    ],
    "",
  );
  return system ? `${browser} on ${system}` : browser;
}

/** What an endpoint is recognised by without being told: the SHA-256 of it, in hexadecimal digits. */
export async function digestOf(endpoint: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint));
  return [...new Uint8Array(digest)].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function subscription(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** How it stands in this browser. */
export async function pushHere(): Promise<PushHere> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window))
    return { can: "never", digest: null };
  if (Notification.permission === "denied") return { can: "refused", digest: null };
  const held = await subscription();
  return { can: "yes", digest: held && (await digestOf(held.endpoint)) };
}

/** Subscribe this browser; what it gives is for the API to keep. */
export async function subscribePush(key: string): Promise<PushSubscriptionJSON> {
  if (!(await navigator.serviceWorker.getRegistration()))
    throw new PushRefused("This browser keeps nothing of the dashboard, as private windows do, so it cannot be told.");
  if ((await Notification.requestPermission()) !== "granted") throw new PushRefused("Notifications were not allowed.");
  const { pushManager } = await navigator.serviceWorker.ready;
  const wanted = keyBytes(key);
  const held = await pushManager.getSubscription();
  const used = new Uint8Array(held?.options.applicationServerKey ?? []);
  if (held && used.length === wanted.length && used.every((one, at) => one === wanted[at])) return held.toJSON();
  // With the key of another instance it cannot be told anything by this one.
  await held?.unsubscribe();
  try {
    return (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted })).toJSON();
  } catch {
    throw new PushRefused("The browser's own push service could not be reached, so it cannot be told anything.");
  }
}

/** Take back what this browser subscribed to. */
export async function unsubscribePush(): Promise<void> {
  await (await subscription())?.unsubscribe();
}
