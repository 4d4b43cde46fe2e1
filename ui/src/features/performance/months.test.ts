import { describe, expect, it } from "vitest";
import { shade, years } from "./months";

const month = (name: string, total_r: number, sample_size: number) => ({ month: name, total_r, sample_size, wins: 0 });

describe("months", () => {
  it("are in the row of their year, the newest first, and no year is missing", () => {
    const found = years([month("2022-12", 2, 3), month("2024-01", -1, 1), month("2024-03", 0.5, 2)]);
    expect(found.map((one) => one.year)).toEqual([2024, 2023, 2022]);
    expect(found[0]?.months[0]?.total_r).toBe(-1);
    expect(found[0]?.months[1]).toBeNull();
    expect(found[0]?.months[2]?.sample_size).toBe(2);
    expect([found[0]?.total_r, found[0]?.sample_size]).toEqual([-0.5, 3]);
    expect([found[1]?.total_r, found[1]?.sample_size]).toEqual([0, 0]);
    expect(found[2]?.months[11]?.total_r).toBe(2);
    expect(years([])).toEqual([]);
  });

  it("are the stronger in colour the more they brought or took", () => {
    expect(shade(4, 4)).toContain("--up) 38%");
    expect(shade(-4, 4)).toContain("--down) 38%");
    expect(shade(-2, 4)).toContain("--down) 23%");
    expect(shade(0, 4)).toBe("transparent");
    expect(shade(0, 0)).toBe("transparent");
  });
});
