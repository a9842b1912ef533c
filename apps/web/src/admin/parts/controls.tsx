import { useId, type ComponentProps, type ReactNode } from "react";
import { Icon, type IconName } from "./icons.tsx";

const looks = {
  primary: "bg-accent text-accent-ink border-transparent hover:brightness-110",
  plain: "bg-raised text-ink border-line-strong hover:bg-sunken",
  quiet: "bg-transparent text-ink border-transparent hover:bg-sunken",
  danger: "bg-raised text-bad border-bad hover:bg-bad-soft",
} as const;

type ButtonProps = ComponentProps<"button"> & {
  readonly look?: keyof typeof looks;
  readonly icon?: IconName;
  /** Something is under way: it cannot be pressed again. */
  readonly busy?: boolean;
};

export function Button({ look = "plain", icon, busy = false, children, className = "", ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled === true || busy}
      aria-busy={busy || undefined}
      className={`inline-flex min-h-9 items-center justify-center gap-1.5 rounded-lg border px-3 py-1 text-sm font-medium transition disabled:cursor-not-allowed disabled:opacity-55 ${looks[look]} ${className}`}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} size={16} />}
      {children}
    </button>
  );
}

/** A button that is only a picture: its label is read out and shown on hovering. */
export function IconButton({
  icon,
  label,
  className = "",
  ...rest
}: Omit<ButtonProps, "children"> & { readonly icon: IconName; readonly label: string }) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={`inline-flex size-9 items-center justify-center rounded-lg text-soft transition hover:bg-sunken hover:text-ink disabled:opacity-40 ${className}`}
    >
      <Icon name={icon} />
    </button>
  );
}

export function Spinner() {
  return (
    <span
      aria-hidden="true"
      className="size-4 shrink-0 animate-spin rounded-full border-2 border-current border-r-transparent"
    />
  );
}

const control =
  "w-full min-h-9 rounded-lg border border-line-strong bg-raised px-2.5 py-1 text-ink placeholder:text-soft disabled:opacity-60 aria-invalid:border-bad";

type FieldProps = {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly problem?: string | undefined;
  /** For one that stands where its meaning is plain to see. */
  readonly hideLabel?: boolean;
  readonly children: (ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
};

/** A control with its label, what is said about it, and what is wrong with it. */
export function Field({ label, hint, problem, hideLabel = false, children }: FieldProps) {
  const id = useId();
  const described = [...(hint ? [`${id}-hint`] : []), ...(problem ? [`${id}-problem`] : [])].join(" ");
  return (
    <div className="grid content-start gap-1">
      <label htmlFor={id} className={hideLabel ? "sr-only" : "text-sm font-medium"}>
        {label}
      </label>
      {children({
        id,
        ...(described === "" ? {} : { "aria-describedby": described }),
        ...(problem ? { "aria-invalid": true } : {}),
      })}
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-soft">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} className="text-xs text-bad">
          {problem}
        </p>
      )}
    </div>
  );
}

type Labelled<Control> = Omit<Control, "id" | "children"> & Omit<FieldProps, "children">;

export function TextField({
  label,
  hint,
  problem,
  hideLabel,
  className = "",
  ...rest
}: Labelled<ComponentProps<"input">>) {
  return (
    <Field label={label} hint={hint} problem={problem} hideLabel={hideLabel ?? false}>
      {(ids) => <input {...rest} {...ids} className={`${control} ${className}`} />}
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  problem,
  hideLabel,
  className = "",
  ...rest
}: Labelled<ComponentProps<"textarea">>) {
  return (
    <Field label={label} hint={hint} problem={problem} hideLabel={hideLabel ?? false}>
      {(ids) => <textarea {...rest} {...ids} className={`${control} ${className}`} />}
    </Field>
  );
}

export function SelectField({
  label,
  hint,
  problem,
  hideLabel,
  options,
  className = "",
  ...rest
}: Labelled<ComponentProps<"select">> & { readonly options: readonly (readonly [value: string, text: string])[] }) {
  return (
    <Field label={label} hint={hint} problem={problem} hideLabel={hideLabel ?? false}>
      {(ids) => (
        <select {...rest} {...ids} className={`${control} ${className}`}>
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Switch({
  label,
  checked,
  onChange,
  disabled = false,
  hideLabel = false,
}: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  readonly hideLabel?: boolean;
}) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={checked}
      aria-label={hideLabel ? label : undefined}
      disabled={disabled}
      onClick={() => onChange(!checked)}
      className="group inline-flex min-h-9 items-center gap-2 text-left text-sm disabled:cursor-not-allowed disabled:opacity-55"
    >
      <span className="relative h-5 w-9 shrink-0 rounded-full border border-line-strong bg-sunken transition group-aria-checked:border-accent group-aria-checked:bg-accent">
        <span className="absolute top-0.5 left-0.5 size-3.5 rounded-full bg-soft transition group-aria-checked:translate-x-4 group-aria-checked:bg-accent-ink" />
      </span>
      {!hideLabel && label}
    </button>
  );
}
