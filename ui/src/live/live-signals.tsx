"use client";

import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { refresh } from "@/api/client";
import { useProfile } from "@/session/session";
import { followSignals, type StreamStatus } from "./signal-stream";

const Context = createContext<StreamStatus>("connecting");

/** Follows the stream while the dashboard is open; whatever shows signals is read again when something happens. */
export function LiveSignals({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const profile = useProfile();
  const [status, setStatus] = useState<StreamStatus>("connecting");
  const who = profile.data?.user_id;
  const known = profile.isSuccess;
  useEffect(() => {
    if (!known) return undefined;
    const readAnew = () => {
      void client.invalidateQueries({ queryKey: ["signals"] });
      void client.invalidateQueries({ queryKey: ["performance"] });
    };
    return followSignals({ onEvent: readAnew, onReadAnew: readAnew, onStatus: setStatus, refresh });
  }, [client, who, known]);
  return <Context value={status}>{children}</Context>;
}

export function useStreamStatus(): StreamStatus {
  return useContext(Context);
}
