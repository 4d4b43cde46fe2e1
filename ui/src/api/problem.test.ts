import { describe, expect, it } from "vitest";
import { ApiProblem, messageOf, problemOf } from "./problem";

describe("problems", () => {
  it("are read from the body, with the fields that are wrong", async () => {
    const body = {
      type: "/problems/invalid-parameters",
      title: "Invalid parameters",
      detail: "limit: too large",
      request_id: "abc",
      errors: [{ field: "body.limit", message: "too large" }],
    };
    const problem = await problemOf(new Response(JSON.stringify(body), { status: 422 }));
    expect(problem.kind).toBe("invalid-parameters");
    expect(problem.fields.get("limit")).toBe("too large");
    expect(problem.requestId).toBe("abc");
    expect(messageOf(problem)).toBe("Limit: too large.");
  });

  it("are told of even if something else answered", async () => {
    const problem = await problemOf(new Response("<html>", { status: 502, headers: { "Retry-After": "7" } }));
    expect(problem).toBeInstanceOf(ApiProblem);
    expect(problem.status).toBe(502);
    expect(problem.retryAfter).toBe(7);
  });

  it("of the connection are told in words", () => {
    expect(messageOf(new TypeError("Failed to fetch"))).toContain("cannot be reached");
  });
});
