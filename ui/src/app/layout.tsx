import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { Queries } from "@/api/queries";
import { ServiceWorker } from "@/features/installed/service-worker";
import { THEME_SCRIPT, ThemeProvider } from "@/session/theme";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Crypto Analytics Platform", template: "%s · Crypto Analytics Platform" },
  description: "Trading signals that can be trusted: nothing looks ahead, nothing repaints, losing signals stay.",
  manifest: "/manifest.webmanifest",
  icons: { icon: "/icons/icon.svg", apple: "/icons/apple-180.png" },
  appleWebApp: { capable: true, title: "Signals", statusBarStyle: "black-translucent" },
};

export const viewport: Viewport = {
  width: "device-width",
  initialScale: 1,
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f5f6f8" },
    { media: "(prefers-color-scheme: dark)", color: "#0b0e14" },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" data-theme="dark" suppressHydrationWarning>
      <head>
        <script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} />
      </head>
      <body>
        <ThemeProvider>
          <Queries>{children}</Queries>
        </ThemeProvider>
        <ServiceWorker />
      </body>
    </html>
  );
}
