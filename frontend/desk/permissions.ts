/** What somebody may do in a hotel. The service decides; this only keeps what would be refused off the screen. */
import type { Hotel } from "./model";

export type Permission = "look" | "work" | "speak" | "teach" | "approve" | "oversee" | "review" | "unseal" | "appoint";

/** From the least that one may do to the most; who only reads comes last. */
export const ROLES = ["trainee", "agent", "senior", "duty_manager", "administrator", "auditor"] as const;

export const may = (hotel: Hotel, permission: Permission): boolean => hotel.may?.includes(permission) ?? false;
