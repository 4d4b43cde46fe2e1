"use client";

import { Bell, BellOff, Volume2, VolumeX } from "lucide-react";
import { useState, useSyncExternalStore } from "react";
import { Button } from "@/components/button";
import { useNewSignals } from "@/live/live-signals";
import { useChoice } from "@/session/choice";
import { useReader } from "@/session/reader";
import { chime } from "./chime";
import { fits } from "./filter";
import type { SignalFilter } from "./signals";
import { notice } from "./telling";

const nothing = () => () => undefined;
const allowed = () => typeof Notification !== "undefined" && Notification.permission === "granted";

/** Sound and notifications for new signals that fit the filters, while the page is open. Both are off at first. */
export function NewSignals({ filter, onOpen }: { filter: SignalFilter; onOpen: (id: string) => void }) {
  const { locale } = useReader();
  const [sound, keepSound] = useChoice("signal-sound", "off");
  const [notify, keepNotify] = useChoice("signal-notifications", "off");
  const [refused, setRefused] = useState(false);
  // What the browser was told may have changed since the choice was kept.
  const may = useSyncExternalStore(nothing, allowed, () => false);
  const notifies = notify === "on" && may;

  useNewSignals((signal) => {
    if (!fits(filter, signal)) return;
    if (sound === "on") chime(signal.direction);
    if (!notifies) return;
    const { title, body } = notice(signal, locale);
    try {
      const shown = new Notification(title, { body, tag: signal.signal_id });
      shown.onclick = () => {
        window.focus();
        onOpen(signal.signal_id);
        shown.close();
      };
    } catch {
      // Some phones let only a service worker notify: nothing is lost but the notification.
      keepNotify("off");
    }
  });

  function turnSound() {
    if (sound === "off") chime(1);
    keepSound(sound === "on" ? "off" : "on");
  }

  async function turnNotifications() {
    if (notifies) {
      keepNotify("off");
      return;
    }
    const given = typeof Notification === "undefined" ? "denied" : await Notification.requestPermission();
    setRefused(given !== "granted");
    keepNotify(given === "granted" ? "on" : "off");
  }

  return (
    <>
      <Button size="small" kind="quiet" aria-pressed={sound === "on"} onClick={turnSound}>
        {sound === "on" ? <Volume2 size={16} aria-hidden /> : <VolumeX size={16} aria-hidden />}
        Sound {sound === "on" ? "on" : "off"}
      </Button>
      <Button size="small" kind="quiet" aria-pressed={notifies} onClick={() => void turnNotifications()}>
        {notifies ? <Bell size={16} aria-hidden /> : <BellOff size={16} aria-hidden />}
        Notifications {notifies ? "on" : "off"}
      </Button>
      {refused && (
        <span role="status" className="text-sm text-warn">
          The browser does not allow notifications here. Its settings for this page can change that.
        </span>
      )}
    </>
  );
}
