const START = "/signals/";
const HERE = "http://here";

/** Where to go after signing in: a path of ours, never an address that somebody else put into the link. */
export function returnTo(search: URLSearchParams): string {
  const wanted = search.get("next") ?? "";
  if (!/^\/[\w\-/?=&%.:]*$/.test(wanted)) return START;
  // As the browser reads it: "/..//host" begins with one slash and ends up as "//host", which is another host.
  const { origin, pathname, search: query } = new URL(wanted, HERE);
  const ours = origin === HERE && !pathname.includes("//") && !pathname.startsWith("/v1/");
  return ours ? pathname + query : START;
}

/** The page to sign in on, from which one comes back here. */
export function signInPath(here: string): string {
  return `/login/?next=${encodeURIComponent(here)}`;
}
