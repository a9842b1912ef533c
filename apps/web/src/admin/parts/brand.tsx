export function Brand() {
  return (
    <span className="inline-flex items-center gap-2 font-semibold">
      <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#0f766e" />
        <path d="M8 10h16M16 10v13M10 17h12" stroke="#fff" strokeWidth="3" strokeLinecap="round" fill="none" />
      </svg>
      Trunkline
    </span>
  );
}
