"""`GET /v1/doctor`: what hived itself finds on its machine, beside what `hive doctor` finds in the operator's shell."""

from fastapi import APIRouter, Request

from hived.api.callers import hive_of
from hived.doctor.examine import examine
from hived.wire import routes
from hived.wire.doctor import DoctorReport

host_router = APIRouter(tags=["hive"])


@host_router.get(routes.DOCTOR)
async def get_doctor(request: Request) -> DoctorReport:
    """Every check, each run now: a few seconds. Its environment (PATH, secrets) is hived's, not the caller's."""
    return await examine(hive_of(request).paths, from_shell=False)
