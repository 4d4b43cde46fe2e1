import Link from "next/link";
import { buttonClasses } from "@/components/button";

export default function NotFound() {
  return (
    <main className="grid min-h-dvh place-items-center px-4">
      <div className="flex flex-col items-center gap-4 text-center">
        <h1 className="text-2xl font-semibold">There is no page here</h1>
        <p className="text-soft">The address may be old, or was typed wrongly.</p>
        <Link className={buttonClasses("primary")} href="/">
          To the start
        </Link>
      </div>
    </main>
  );
}
