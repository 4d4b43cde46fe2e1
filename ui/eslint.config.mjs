import next from "eslint-config-next/core-web-vitals";
import typescript from "eslint-config-next/typescript";

const config = [
  { ignores: ["node_modules/**", ".next/**", "out/**", "next-env.d.ts", "src/api/schema.d.ts"] },
  ...next,
  ...typescript,
];

export default config;
