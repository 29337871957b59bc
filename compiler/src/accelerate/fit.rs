// SPDX-License-Identifier: MIT OR Apache-2.0
//! All that is too small for a network, at once: the settings that are known are tried until nothing new is missing.

use crate::Error;
use crate::misfit::{DoesNotFit, Misfit};
use sepstream_spec::config::Config;

/// What of several steps is too small: a step that fails does not keep the others from telling.
#[derive(Default)]
pub struct Misfits(Vec<Misfit>);

impl Misfits {
    /// What a step gives, or nothing and one more misfit.
    ///
    /// # Errors
    /// When the step fails for another reason.
    pub fn take<T>(&mut self, step: Result<T, Error>) -> Result<Option<T>, Error> {
        match step {
            Ok(result) => Ok(Some(result)),
            Err(Error::DoesNotFit(missing)) => {
                self.0.extend(missing.misfits);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// More of them.
    pub fn extend(&mut self, misfits: impl IntoIterator<Item = Misfit>) {
        self.0.extend(misfits);
    }

    /// # Errors
    /// When there are any.
    pub fn none(&self) -> Result<(), Error> {
        let Some((first, more)) = self.0.split_first() else {
            return Ok(());
        };
        let mut missing = DoesNotFit::from(first.clone());
        more.iter().for_each(|misfit| missing.add(misfit.clone()));
        Err(missing.into())
    }
}

/// Completes what the first attempt found too small: follows the settings and attempts again, until the network fits or nothing is
/// left that a setting can change. What is needed of some memories is known only where others suffice.
pub fn all<T>(
    mut missing: DoesNotFit,
    config: &Config,
    attempt: impl Fn(&Config) -> Result<T, Error>,
) -> DoesNotFit {
    let mut config = config.clone();
    let mut found = missing.misfits.clone();
    loop {
        let settings = found.iter().filter_map(|misfit| misfit.setting.as_ref());
        let before = config.clone();
        for setting in settings.filter(|setting| setting.beyond().is_none()) {
            config = setting.apply(&config);
        }
        if config == before {
            return missing;
        }
        found = match attempt(&config) {
            Ok(_) => {
                missing.fits_then = true;
                return missing;
            }
            Err(Error::DoesNotFit(more)) => more.misfits,
            // a rule would have been broken from the start
            Err(_) => return missing,
        };
        found.iter().for_each(|misfit| missing.add(misfit.clone()));
    }
}
