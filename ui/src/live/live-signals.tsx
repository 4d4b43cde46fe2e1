"use client";

import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useEffectEvent, useMemo, useState } from "react";
import { refresh } from "@/api/client";
import { useProfile } from "@/session/session";
import { type Message, type NewSignal, newSignal } from "./protocol";
import { followSignals, type StreamStatus } from "./signal-stream";

type Listener = (signal: NewSignal) => void;

interface Live {
  status: StreamStatus;
  /** Be told of every signal that is published from now on, until what is returned is called. */
  subscribe: (listener: Listener) => () => void;
}

const Context = createContext<Live>({ status: "connecting", subscribe: () => () => undefined });

/** Follows the stream while the dashboard is open; whatever shows signals is read again when something happens. */
export function LiveSignals({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const profile = useProfile();
  const [status, setStatus] = useState<StreamStatus>("connecting");
  const [listeners] = useState(() => new Set<Listener>());
  const who = profile.data?.user_id;
  const known = profile.isSuccess;
  useEffect(() => {
    if (!known) return undefined;
    const readAnew = () => {
      void client.invalidateQueries({ queryKey: ["signals"] });
      void client.invalidateQueries({ queryKey: ["performance"] });
    };
    const onEvent = (message: Message) => {
      readAnew();
      const signal = newSignal(message);
      if (signal) listeners.forEach((listener) => listener(signal));
    };
    return followSignals({ onEvent, onReadAnew: readAnew, onStatus: setStatus, refresh });
  }, [client, listeners, who, known]);
  const live = useMemo(
    () => ({
      status,
      subscribe: (listener: Listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    }),
    [listeners, status],
  );
  return <Context value={live}>{children}</Context>;
}

export function useStreamStatus(): StreamStatus {
  return useContext(Context).status;
}

/** Hear of every signal that is published while this is on the screen; over the stream that is open anyway. */
export function useNewSignals(listener: Listener): void {
  const { subscribe } = useContext(Context);
  const hear = useEffectEvent(listener);
  useEffect(() => subscribe((signal) => hear(signal)), [subscribe]);
}
