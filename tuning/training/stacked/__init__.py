"""Dense networks trained as one computation: arrays get a leading axis, one slot a fit."""
