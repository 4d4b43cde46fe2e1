import { CircleUserRound } from "lucide-react";

/** How the button of the account looks, before and after what is behind it has been brought. */
export const SESSION_BUTTON = "grid h-9 w-9 place-items-center rounded-md text-soft hover:bg-sunken hover:text-text";

export const SESSION_FACE = <CircleUserRound size={20} aria-hidden />;
