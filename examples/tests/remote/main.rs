//! The reference host with calendars behind an API, as its users meet it: the fakes in the program,
//! servers that have bad luck, tokens that run out, and people who connect.

/// Every one of these tests with each of the services.
macro_rules! with_each_service {
    ($($test:ident)*) => {
        mod google {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test::<calsync_google::fake::FakeGoogle>().await;
                }
            )*
        }

        mod outlook {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test::<calsync_outlook::fake::FakeOutlook>().await;
                }
            )*
        }
    };
}

mod connect;
mod desk;
mod fake_servers;
mod faked;
mod server;
mod services;
mod together;
mod tokens;
