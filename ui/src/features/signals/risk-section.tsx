"use client";

import { TextField } from "@/components/field";
import { formatChange, formatCount, formatPrice, formatQuantity, formatR, formatShare } from "@/format/numbers";
import { useReader } from "@/session/reader";
import { useChoice } from "@/session/choice";
import { breakEven, costInR, currenciesOf, gainAt, multipleAt, positionFor } from "./risk";
import { Facts, Section } from "./section";
import type { SignalDetail } from "./signals";

const COSTS = 0.001;

/** Entry, stop and targets: how far they are, and what that is in units of the risk. */
export function Levels({ signal }: { signal: SignalDetail }) {
  const { locale } = useReader();
  const levels = [
    ["Entry", signal.entry],
    ["Stop", signal.stop],
    ["First target", signal.target_1],
    ["Second target", signal.target_2],
  ] as const;
  return (
    <table className="w-full text-sm">
      <caption className="sr-only">Prices of the signal</caption>
      <thead>
        <tr className="text-xs text-faint">
          <th className="py-1 text-left font-medium">Level</th>
          <th className="py-1 text-right font-medium">Price</th>
          <th className="py-1 text-right font-medium">From entry</th>
          <th className="py-1 text-right font-medium">In risk</th>
        </tr>
      </thead>
      <tbody>
        {levels.map(
          ([name, price]) =>
            price != null && (
              <tr key={name} className="border-t border-line">
                <th scope="row" className="py-1.5 text-left font-normal text-soft">
                  {name}
                </th>
                <td className="numeric py-1.5 text-right">{formatPrice(price, locale)}</td>
                <td className="numeric py-1.5 text-right">
                  {name === "Entry" ? "" : formatChange(price / signal.entry - 1, locale)}
                </td>
                <td className="numeric py-1.5 text-right">
                  {name === "Entry" ? "" : formatR(multipleAt(signal, price), locale)}
                </td>
              </tr>
            ),
        )}
      </tbody>
    </table>
  );
}

/** What can be lost, in plain words, and how large a position makes that a chosen part of an account. */
export function RiskSection({ signal }: { signal: SignalDetail }) {
  const { locale } = useReader();
  const distance = Math.abs(gainAt(signal, signal.stop));
  const needed = breakEven(multipleAt(signal, signal.target_1));
  const side = signal.direction > 0 ? "below" : "above";
  return (
    <Section title="Risk">
      <p className="mb-2">
        The stop is {formatShare(distance, locale, 2)} {side} the entry: that distance is 1 R.{" "}
        {needed !== null &&
          `With the first target alone, ${formatShare(needed, locale)} of such signals have to win to lose nothing. `}
        Every 0.1% of the position that trading costs takes {formatR(costInR(signal, COSTS), locale).replace("+", "")}{" "}
        away.
      </p>
      <PositionSize signal={signal} />
    </Section>
  );
}

function PositionSize({ signal }: { signal: SignalDetail }) {
  const { locale } = useReader();
  const [account, keepAccount] = useChoice("account", "10000");
  const [percent, keepPercent] = useChoice("risk-percent", "1");
  const { base, quote } = currenciesOf(signal.market);
  const found = positionFor(signal, Number(account), Number(percent));
  return (
    <div className="mt-3 rounded-lg border border-line bg-surface p-3">
      <div className="grid grid-cols-2 gap-3">
        <TextField
          label={quote ? `Account, ${quote}` : "Account"}
          inputMode="decimal"
          value={account}
          onChange={(event) => keepAccount(event.target.value)}
        />
        <TextField
          label="Risk, %"
          inputMode="decimal"
          value={percent}
          onChange={(event) => keepPercent(event.target.value)}
        />
      </div>
      <div role="status" className="mt-2">
        {found === null ? (
          <p className="text-sm text-soft">Give an account and a risk of up to 100%, in plain numbers: 2500 or 0.5.</p>
        ) : (
          <>
            <Facts
              rows={[
                ["Size", `${formatQuantity(found.size, locale)} ${base}`],
                ["Worth at entry", `${formatPrice(found.notional, locale, 2)} ${quote}`],
                ["Lost at the stop", `${formatPrice(found.loss, locale, 2)} ${quote}`],
              ]}
            />
            {found.leverage > 1 && (
              <p className="mt-1 text-sm text-warn">
                That is {formatPrice(found.leverage, locale, 1)} times the account: it needs leverage, and a stop can be
                missed.
              </p>
            )}
          </>
        )}
      </div>
      <p className="mt-2 text-xs text-faint">
        Computed here and sent nowhere. Costs are not in it, and a price that jumps over the stop loses more.
      </p>
    </div>
  );
}

/** What the risk stage decided for the paper account, with its numbers. */
export function Decision({ signal }: { signal: SignalDetail }) {
  const { locale } = useReader();
  const { quote } = currenciesOf(signal.market);
  const { risk } = signal;
  const money = (amount: number) => `${formatPrice(amount, locale, 2)} ${quote}`.trim();
  return (
    <Section title="What the paper account did">
      <p className="mb-1">
        {signal.decision === "accepted"
          ? "Took it as its rules sized it."
          : "Took it smaller than its rules first sized it."}{" "}
        It risks {money(signal.risk_amount)}, {formatShare(signal.risk_fraction, locale, 2)} of what it has.
      </p>
      {risk?.reasons.map((reason) => (
        <p key={reason} className="text-sm text-soft">
          {reason}
        </p>
      ))}
      {risk && (
        <Facts
          rows={[
            ["Equity then", money(risk.equity)],
            ["Positions open before", formatCount(risk.open_positions, locale)],
            ["Open risk before", formatShare(risk.open_risk, locale, 2)],
            ["Worth", money(signal.notional)],
            ["Margin", money(risk.margin)],
            ...(risk.liquidation_price === null
              ? []
              : [["Closed by the exchange at", formatPrice(risk.liquidation_price, locale)] as const]),
          ]}
        />
      )}
    </Section>
  );
}
