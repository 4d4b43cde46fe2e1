/** The mark of the platform: two candles, one each way. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden className="shrink-0">
      <rect width="24" height="24" rx="6" fill="var(--accent)" />
      <g stroke="var(--on-accent)" strokeWidth="1.6" strokeLinecap="round">
        <path d="M8.5 5.5v13" />
        <path d="M15.5 4.5v13" />
        <rect x="6.2" y="9" width="4.6" height="6.5" rx="0.8" fill="var(--on-accent)" />
        <rect x="13.2" y="7" width="4.6" height="6.5" rx="0.8" fill="var(--accent)" />
      </g>
    </svg>
  );
}
