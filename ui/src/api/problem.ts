import type { components } from "./schema";

type Body = components["schemas"]["Problem"];

/** An answer of the API that says what is wrong (RFC 9457), or that there was none. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly kind: string;
  readonly title: string;
  readonly requestId: string | undefined;
  readonly fields: ReadonlyMap<string, string>;
  readonly errors: readonly { field: string; message: string }[];
  readonly retryAfter: number | undefined;

  constructor(status: number, body: Partial<Body>, retryAfter?: number) {
    super(body.detail ?? body.title ?? "The request failed");
    this.name = "ApiProblem";
    this.status = status;
    this.kind = (body.type ?? "about:blank").split("/").at(-1) ?? "";
    this.title = body.title ?? `Status ${status}`;
    this.requestId = body.request_id;
    this.errors = body.errors ?? [];
    this.fields = new Map(this.errors.map((one) => [one.field.split(".").at(-1) ?? one.field, one.message]));
    this.retryAfter = retryAfter;
  }
}

/** Read the problem of a reply, whatever it is written in. */
export async function problemOf(reply: Response): Promise<ApiProblem> {
  const wait = Number(reply.headers.get("Retry-After"));
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : undefined;
  try {
    return new ApiProblem(reply.status, (await reply.json()) as Partial<Body>, retryAfter);
  } catch {
    return new ApiProblem(
      reply.status,
      { title: "The server cannot be reached", detail: reply.statusText },
      retryAfter,
    );
  }
}

/** What to tell people of any error. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiProblem) return sentence(error.message);
  if (error instanceof TypeError) return "The server cannot be reached. Check the connection and try again.";
  return "Something went wrong in this page. Reload it and try again.";
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
