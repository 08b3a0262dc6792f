"""Keeps readings, and looks for those that stand out."""

import asyncio

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from .db_models import DATABASE_NAME, Alarm, Reading
from .rules import stand_out


class SensorService:
    async def initialize(self):
        self.log = self.app_context.get_logger()
        self.task = asyncio.create_task(self._watch())

    async def add(self, readings: list[dict]) -> int:
        """Keep readings and give the number of new ones; what is there already stays."""
        return len(await self._keep(Reading, readings))

    async def readings(self, sensor: str, limit: int = 100) -> list[dict]:
        """The newest readings of a sensor, oldest first."""
        of_sensor = select(Reading).where(Reading.sensor == sensor)
        newest = of_sensor.order_by(Reading.taken.desc()).limit(limit)
        return (await self._rows(newest))[::-1]

    async def summary(self) -> list[dict]:
        """Count, lowest, mean and highest value of each sensor."""
        sensor, value = Reading.sensor, Reading.value
        each = select(
            sensor,
            func.count().label("count"),
            func.min(value).label("lowest"),
            func.round(func.avg(value), 2).label("mean"),
            func.max(value).label("highest"),
        )
        async with self._session("summary") as session:
            rows = await session.execute(each.group_by(sensor).order_by(sensor))
            return [dict(row) for row in rows.mappings()]

    async def outliers(self) -> list[dict]:
        """The readings that stand out, by the rule as it is now."""
        found = []
        for one in await self.summary():
            readings = await self.readings(one["sensor"], self.settings.window)
            flags = stand_out([reading["value"] for reading in readings], self.settings.threshold)
            found += [reading for reading, flag in zip(readings, flags, strict=True) if flag]
        return found

    async def alarms(self) -> list[dict]:
        """What the background task noticed, oldest first."""
        return await self._rows(select(Alarm).order_by(Alarm.taken, Alarm.sensor))

    async def _watch(self):
        while True:
            try:
                for sensor, taken in await self._keep(Alarm, await self.outliers()):
                    self.log.warning("%s stood out at %s", sensor, taken)
            except Exception:
                self.log.exception("the look for outliers failed; the next one comes")
            await asyncio.sleep(self.settings.interval)

    async def _keep(self, model, rows: list[dict]) -> list:
        if not rows:
            return []
        new = insert(model).values(rows).on_conflict_do_nothing()
        async with self._session(f"keep {model.__tablename__}") as session:
            kept = await session.execute(new.returning(model.sensor, model.taken))
            await session.commit()
            return kept.all()

    async def _rows(self, query) -> list[dict]:
        async with self._session("read") as session:
            found = (await session.scalars(query)).all()
        return [{"sensor": one.sensor, "taken": one.taken, "value": one.value} for one in found]

    def _session(self, purpose: str):
        return self.app_context.database.integrity_session(DATABASE_NAME, purpose)