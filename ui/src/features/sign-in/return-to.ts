const START = "/signals/";

/** Where to go after signing in: a path of ours, never an address that somebody else put into the link. */
export function returnTo(search: URLSearchParams): string {
  const wanted = search.get("next") ?? "";
  return /^\/(?![/\\])[\w\-/?=&%.:]*$/.test(wanted) && !wanted.startsWith("/v1/") ? wanted : START;
}

/** The page to sign in on, from which one comes back here. */
export function signInPath(here: string): string {
  return `/login/?next=${encodeURIComponent(here)}`;
}
