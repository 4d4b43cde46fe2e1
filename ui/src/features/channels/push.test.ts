import { describe, expect, it } from "vitest";
import { browserName, digestOf, keyBytes } from "./push";

describe("a key", () => {
  it("is read from base64url, however long it is", () => {
    expect([...keyBytes("-_8")]).toEqual([251, 255]);
    expect([...keyBytes("AQID")]).toEqual([1, 2, 3]);
    expect([...keyBytes("AQ")]).toEqual([1]);
  });
});

describe("an endpoint", () => {
  it("is recognised by its SHA-256", async () => {
    expect(await digestOf("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("a browser", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/143.0.0.0 Safari/537.36", "Chrome on Linux"],
    ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0", "Edge on Windows"],
    ["Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) AppleWebKit/605.1 Version/19 Safari/605.1", "Safari on macOS"],
    ["Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/143.0 Mobile Safari/537.36", "Chrome on Android"],
    ["Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"],
    ["curl/8", "Browser"],
  ])("%s is told as %s", (agent, name) => {
    expect(browserName(agent)).toBe(name);
  });
});
