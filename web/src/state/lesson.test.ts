import { describe, expect, test } from "vitest";
import { wayIn } from "./lesson";

const at = (origin: string, pathname = "/") => ({ origin, pathname, host: new URL(origin).host });

describe("where a class opens the page", () => {
  test("with the token, at the address by which the teacher came", () => {
    const door = "http://room-7:8000/?token=abc";
    expect(wayIn(door, at("http://192.168.0.9:8000"))).toBe("http://192.168.0.9:8000/?token=abc");
    expect(wayIn(door, at("http://room-7:8000"))).toBe(door);
  });

  test("or at the server's own, where the teacher's is known to that computer alone", () => {
    expect(wayIn("http://room-7:8000/?token=abc", at("http://localhost:8000"))).toBe("http://room-7:8000/?token=abc");
  });

  test("behind a proxy where the teacher does, on a path too", () => {
    expect(wayIn("http://127.0.0.1:8000/", at("https://lab.example", "/proxy/8000/"))).toBe(
      "https://lab.example/proxy/8000/",
    );
  });

  test("nowhere, where the server listens on its computer alone", () => {
    for (const alone of ["http://127.0.0.1:8000/", "http://localhost:8000/", "http://[::1]:8000/", ""]) {
      expect(wayIn(alone, at("http://127.0.0.1:8000"))).toBeNull();
    }
  });

  test("on a static site where it is, unless that is this computer", () => {
    const site = at("https://class.example", "/glassgpt/");
    expect(wayIn("https://class.example/glassgpt/", site)).toBe("https://class.example/glassgpt/");
    expect(wayIn("http://localhost:8000/", at("http://localhost:8000"))).toBeNull();
  });
});
