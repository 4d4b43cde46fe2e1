import { isSilent, judge, type Message, pauseMs, read, START } from "./protocol";

/** How the stream is, as people are told. */
export type StreamStatus = "connecting" | "live" | "waiting" | "refused";

interface Listener {
  onEvent: (message: Message) => void;
  onReadAnew: () => void;
  onStatus: (status: StreamStatus) => void;
  /** Renew the session; whether that worked. */
  refresh: () => Promise<boolean>;
}

const LOOK_EVERY_MS = 2_000;

/** Follow the stream of signals until told to stop. It comes back by itself, from where it was. */
export function followSignals(listener: Listener): () => void {
  let reading = START;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heardAt = Date.now();
  let over = false;

  function open() {
    listener.onStatus("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const from = reading.cursor === null ? "" : `?cursor=${reading.cursor}`;
    const opened = new WebSocket(`${scheme}//${location.host}/v1/signals/stream${from}`);
    let pause: number | undefined;
    socket = opened;
    heardAt = Date.now();
    opened.onmessage = (event: MessageEvent<string>) => {
      heardAt = Date.now();
      const message = JSON.parse(event.data) as Message;
      const [after, effect] = read(reading, message);
      reading = after;
      if (message.type === "ready") listener.onStatus("live");
      if (message.type === "reconnect") pause = message.after_ms;
      if (effect === "event") listener.onEvent(message);
      if (effect === "read-anew") listener.onReadAnew();
    };
    opened.onclose = (event) => {
      if (over || socket !== opened) return;
      socket = undefined;
      const verdict = judge(event.code);
      if (verdict === "stop") {
        listener.onStatus("refused");
        return;
      }
      listener.onStatus("waiting");
      const wait = pause ?? pauseMs(reading.failures, Math.random);
      reading = { ...reading, failures: reading.failures + 1 };
      const again = verdict === "refresh" ? () => void listener.refresh().then(() => !over && open()) : open;
      timer = setTimeout(again, wait);
    };
  }

  function look() {
    // A connection that is gone without a word is never closed by the browser itself.
    if (socket && isSilent(reading, Date.now() - heardAt)) socket.close();
  }

  function hurry() {
    if (!socket && !over) {
      clearTimeout(timer);
      open();
    }
  }

  function lost() {
    socket?.close();
  }

  const clock = setInterval(look, LOOK_EVERY_MS);
  window.addEventListener("online", hurry);
  window.addEventListener("offline", lost);
  open();
  return () => {
    over = true;
    clearInterval(clock);
    clearTimeout(timer);
    window.removeEventListener("online", hurry);
    window.removeEventListener("offline", lost);
    socket?.close();
  };
}
