"use client";

import { type FormEvent, useSyncExternalStore } from "react";
import { ApiProblem, messageOf } from "@/api/problem";
import { Button } from "@/components/button";
import { SelectField, TextField } from "@/components/field";
import { PageHeader } from "@/components/page-header";
import { Time } from "@/components/time";
import { type Profile, useProfile, useProfileChange } from "@/session/session";
import { SignedIn } from "@/session/signed-in";

const nothing = () => () => undefined;
let zones: string[] | undefined;

/** Names of time zones that the browser knows. */
function knownZones(): string[] {
  zones ??= ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
  return zones;
}
const NO_ZONES: string[] = [];

export function AccountPage() {
  const profile = useProfile();
  return <SignedIn here="/account/">{profile.data && <Account profile={profile.data} />}</SignedIn>;
}

function Account({ profile }: { profile: Profile }) {
  const change = useProfileChange();
  const zoneNames = useSyncExternalStore(nothing, knownZones, () => NO_ZONES);
  const fields = change.error instanceof ApiProblem ? change.error.fields : undefined;
  return (
    <>
      <PageHeader title="Account">
        {profile.email}, since <Time at={profile.created_at} />. Plan: {profile.plan.plan}.
      </PageHeader>
      <form
        className="flex max-w-md flex-col gap-4 rounded-lg border border-line bg-surface p-5"
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault();
          const given = new FormData(event.currentTarget);
          change.mutate({
            display_name: String(given.get("display_name")) || null,
            time_zone: String(given.get("time_zone")),
            locale: String(given.get("locale")),
          });
        }}
      >
        <TextField
          label="Name"
          name="display_name"
          maxLength={100}
          autoComplete="name"
          defaultValue={profile.display_name ?? ""}
          error={fields?.get("display_name")}
        />
        <SelectField
          key={zoneNames.length}
          label="Time zone"
          name="time_zone"
          defaultValue={profile.time_zone}
          hint="Every time in the dashboard is told in it."
          error={fields?.get("time_zone")}
        >
          {!zoneNames.includes(profile.time_zone) && <option>{profile.time_zone}</option>}
          {zoneNames.map((zone) => (
            <option key={zone}>{zone}</option>
          ))}
        </SelectField>
        <SelectField
          label="Numbers"
          name="locale"
          defaultValue={profile.locale}
          hint="How thousands and decimals are written."
          error={fields?.get("locale")}
        >
          {!["en", "de", "de-CH", "fr"].includes(profile.locale) && <option>{profile.locale}</option>}
          <option value="en">12,345.67</option>
          <option value="de">12.345,67</option>
          <option value="de-CH">12’345.67</option>
          <option value="fr">12 345,67</option>
        </SelectField>
        {change.isError && !fields?.size && (
          <p role="alert" className="text-sm text-down">
            {messageOf(change.error)}
          </p>
        )}
        <div className="flex items-center gap-3">
          <Button type="submit" kind="primary" busy={change.isPending}>
            Save
          </Button>
          <span role="status" className="text-sm text-soft">
            {change.isSuccess && "Saved"}
          </span>
        </div>
      </form>
    </>
  );
}
