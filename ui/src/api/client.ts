import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";
import { problemOf } from "./problem";

/** Types of the API's description, by name. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const CSRF_COOKIES = ["__Host-cap_csrf", "cap_csrf"];

function csrfToken(): string | undefined {
  const found = new Map(
    document.cookie.split("; ").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  return CSRF_COOKIES.map((name) => found.get(name)).find((value) => value !== undefined);
}

let refreshing: Promise<boolean> | undefined;

/** Get a new access cookie. Requests that find out at once that it has expired share one try. */
export function refresh(): Promise<boolean> {
  refreshing ??= fetch("/v1/auth/refresh", { method: "POST", headers: { "X-CSRF-Token": csrfToken() ?? "" } })
    .then((reply) => reply.ok)
    .catch(() => false)
    .finally(() => {
      refreshing = undefined;
    });
  return refreshing;
}

async function send(request: Request): Promise<Response> {
  const again = request.clone();
  const reply = await fetch(request);
  if (reply.status !== 401 || csrfToken() === undefined || new URL(request.url).pathname.startsWith("/v1/auth/")) {
    return reply;
  }
  return (await refresh()) ? fetch(again) : reply;
}

const guard: Middleware = {
  onRequest({ request }) {
    const token = csrfToken();
    if (!SAFE.has(request.method) && token !== undefined) request.headers.set("X-CSRF-Token", token);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok && response.status !== 304) throw await problemOf(response);
    return response;
  },
};

/** The API of the page's own origin. What is not a good answer is thrown as an `ApiProblem`. */
export const api = createClient<paths>({ baseUrl: "", fetch: send, credentials: "same-origin" });
api.use(guard);

/** The body of an answer that is known to have one, in JSON. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<Exclude<T, string>> {
  const { data } = await answer;
  if (data === undefined || typeof data === "string") throw new Error("the answer has no body");
  return data as Exclude<T, string>;
}
