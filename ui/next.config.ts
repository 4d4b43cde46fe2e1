import type { NextConfig } from "next";

const config: NextConfig = {
  output: "export",
  trailingSlash: true,
  reactStrictMode: true,
  poweredByHeader: false,
  images: { unoptimized: true },
  // The folder above has files of other tools that would be taken for the root of a workspace.
  turbopack: { root: import.meta.dirname },
};

export default config;
