"""Presence, as the operator sees and decides them."""

from fastapi import APIRouter

host_router = APIRouter(tags=["decisions"])
